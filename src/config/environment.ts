/** The environment as configuration. This file is its only reader. */
import { z } from 'zod';
import { type Config, configSchema } from './config.js';
import { parse } from './parse.js';
import { proxyFields } from './proxy-fields.js';
import { redisCheck, redisFields } from './redis-fields.js';
import { type ServerConfig, serverSchema } from './server-config.js';

/**
 * Reads and checks the configuration. An empty variable counts as not set.
 * @throws UsageError naming every wrong or missing variable.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  return parse(configSchema, environment);
}

/** @throws UsageError like {@link loadConfig}. */
export function loadServerConfig(environment: NodeJS.ProcessEnv = process.env): ServerConfig {
  return parse(serverSchema, environment);
}

const s3Schema = z.object({
  S3_FORCE_PATH_STYLE: configSchema.shape.S3_FORCE_PATH_STYLE,
  ...proxyFields,
});
const connectionSchema = s3Schema.extend(redisFields).superRefine(...redisCheck);

/** What a client needs: commands that read Redis and results require nothing else. */
export type ConnectionConfig = z.infer<typeof connectionSchema>;

/** @throws UsageError like {@link loadConfig}. */
export function loadConnectionConfig(
  environment: NodeJS.ProcessEnv = process.env,
): ConnectionConfig {
  return parse(connectionSchema, environment);
}

/** For commands that use S3 alone. @throws UsageError like {@link loadConfig}. */
export function loadS3Config(
  environment: NodeJS.ProcessEnv = process.env,
): z.infer<typeof s3Schema> {
  return parse(s3Schema, environment);
}

/**
 * Whether the standard OpenTelemetry variables ask for traces. The SDK that sends them is loaded by
 * the process before us, and reads the rest of those variables.
 */
export function wantsTraces(environment: NodeJS.ProcessEnv = process.env): boolean {
  const { OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER = '' } = environment;
  if (OTEL_SDK_DISABLED === 'true' || OTEL_TRACES_EXPORTER === 'none') return false;
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = environment;
  const endpoint = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? OTEL_EXPORTER_OTLP_ENDPOINT ?? '';
  return endpoint !== '' || OTEL_TRACES_EXPORTER !== '';
}
