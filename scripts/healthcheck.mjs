/** Health of a container: does the process in it answer, and is there nothing that a restart would mend? */

/** Less than Docker gives the check. */
const TIMEOUT_MS = 4000;
const DEFAULT_PORT = '3000';

const { HOST = '', PORT = DEFAULT_PORT, WORKER_PORT } = process.env;
const host = ['', '0.0.0.0', '::'].includes(HOST) ? '127.0.0.1' : HOST;

/** A worker listens on one of them, a server on the other. */
const answers = await Promise.allSettled(
  [WORKER_PORT, PORT].filter(Boolean).map(async (port) => {
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/health/live`;
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { isLive: response.ok, text: await response.text() };
  }),
);
const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
const isHealthy = given.length > 0 && given.every(({ isLive }) => isLive);
if (!isHealthy) {
  console.error(
    given.map(({ text }) => text).join('\n') || 'nobody answers on WORKER_PORT or PORT',
  );
}
process.exitCode = isHealthy ? 0 : 1;
