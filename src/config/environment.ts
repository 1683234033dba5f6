/** The environment as configuration. This file is its only reader. */
import { z } from 'zod';
import type { Logger } from '../logging.js';
import { type Config, configSchema } from './config.js';
import { optional } from './fields.js';
import { checkAll, parse } from './parse.js';
import { proxyFields } from './proxy-fields.js';
import { redisCheck, redisFields } from './redis-fields.js';
import { s3Fields } from './s3-fields.js';
import { type ConfigSource, followSecretFiles, type Values } from './secret-files.js';
import { type ServerConfig, serverSchema } from './server-config.js';

/** How to read a configuration again. */
const sources = new WeakMap<object, ConfigSource<object>>();

function load<Type extends z.ZodObject>(type: Type, environment: Values): z.infer<Type> {
  const config = parse(type, environment);
  sources.set(config, { environment, parse: (values) => parse(type, values) });
  return config;
}

/** Keeps the secrets of a configuration that was read here as their files have them. */
export function followSecrets(config: object, logger: Logger): { stop(): void } {
  const source = sources.get(config) ?? { environment: {}, parse: () => config };
  return followSecretFiles(config, source, logger);
}

/**
 * Reads and checks the configuration. An empty variable counts as not set.
 * @throws UsageError naming every wrong or missing variable.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  return load(configSchema, environment);
}

/** As {@link loadConfig}, and what is wrong for the HTTP server is named too. */
export function loadWholeConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  checkAll([configSchema, serverSchema], environment);
  return loadConfig(environment);
}

/** @throws UsageError like {@link loadConfig}. */
export function loadServerConfig(environment: NodeJS.ProcessEnv = process.env): ServerConfig {
  return load(serverSchema, environment);
}

const s3Schema = z.object({
  S3_FORCE_PATH_STYLE: s3Fields.S3_FORCE_PATH_STYLE,
  ...proxyFields,
});
/** Where results are, for those who erase a batch that Redis does not know any more. */
const resultsFields = {
  RESULTS_BUCKET: optional(s3Fields.RESULTS_BUCKET),
  RESULTS_PREFIX: s3Fields.RESULTS_PREFIX,
};
const connectionSchema = s3Schema
  .extend({ ...redisFields, ...resultsFields })
  .superRefine(...redisCheck);

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

/**
 * Sets variables of the process, for all that reads them later, the AWS SDK among them.
 * @param defaults Set only where nothing is.
 * @returns All variables of the process.
 */
export function provideVariables(
  values: Readonly<Record<string, string>>,
  defaults: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  Object.assign(process.env, { ...defaults, ...definedOf(process.env), ...values });
  return process.env;
}

function definedOf(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value));
}
