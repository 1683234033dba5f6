/**
 * A PostgreSQL of our own, as Debian configures one: it writes each commit to the disk. Gone when we are.
 * It refuses to run as root, so root starts it as the user that Debian's package makes.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomPort } from '../../scripts/free-port.js';
import { cpuMs, endedChildrenCpuMs } from '../speed/process-usage.js';
import { until } from '../speed/until.js';

const DEBIAN_FOLDER = '/usr/lib/postgresql';
const USER = 'postgres';

export interface PrivatePostgres {
  url: string;
  /** CPU of the server and of its process for each connection, since it began. */
  cpuMs(): number;
  stop(): Promise<void>;
}

export async function startPrivatePostgres(): Promise<PrivatePostgres> {
  const programs = programsFolder();
  const identity = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  const folder = mkdtempSync(join(tmpdir(), 'atlas-batch-postgres-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  if (identity.uid !== undefined) chownSync(folder, identity.uid, identity.gid);
  const data = join(folder, 'data');
  const cluster = ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--no-sync'];
  execFileSync(join(programs, 'initdb'), cluster, { ...identity, stdio: 'ignore' });
  const port = randomPort();
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, '-k', folder, '-h', '127.0.0.1', '-p', String(port)],
    { ...identity, stdio: 'ignore' },
  );
  await until(async () => {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
    return isReady(join(programs, 'pg_isready'), port);
  });
  return {
    url: `postgres://${USER}@127.0.0.1:${port}/${USER}`,
    cpuMs: () => cpuWithConnections(server),
    async stop() {
      // Connections that are still open end with it.
      server.kill('SIGINT');
      if (server.exitCode === null) await once(server, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function programsFolder(): string {
  try {
    const [newest] = readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a));
    if (newest !== undefined) return join(DEBIAN_FOLDER, newest, 'bin');
  } catch {
    // As if it were empty.
  }
  throw new Error(`there is no PostgreSQL in ${DEBIAN_FOLDER}: apt-get install postgresql`);
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }));
}

function isReady(program: string, port: number): boolean {
  try {
    execFileSync(program, ['-h', '127.0.0.1', '-p', String(port), '-q']);
    return true;
  } catch {
    return false;
  }
}

function cpuWithConnections({ pid = 0 }: ChildProcess): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const living = children.reduce((sum, child) => sum + cpuMs(Number(child)), 0);
  return cpuMs(pid) + endedChildrenCpuMs(pid) + living;
}
