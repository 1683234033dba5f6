/** Reads CPU and memory of a process from /proc. */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

/** Of `/proc/<pid>/stat`: hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10;
/** `utime` and `stime` by their position after the name, which may hold spaces. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;
/** Those of its children that have ended. */
const CHILDREN_USER_TIME = 13;
const CHILDREN_SYSTEM_TIME = 14;

export function cpuMs(pid: number): number {
  return sumOf(pid, USER_TIME, SYSTEM_TIME);
}

export function endedChildrenCpuMs(pid: number): number {
  return sumOf(pid, CHILDREN_USER_TIME, CHILDREN_SYSTEM_TIME);
}

function sumOf(pid: number, ...positions: number[]): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return positions.reduce((sum, at) => sum + Number(fields[at]), 0) * TICK_MS;
}

export function residentMib(pid: number): number {
  return statusMib(pid, 'VmRSS');
}

/** The most memory that the process has had. */
export function peakMib(pid: number): number {
  return statusMib(pid, 'VmHWM');
}

function statusMib(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

/** Bytes that Redis's data takes, without what is reserved for its clients. */
export async function redisBytes(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  return Number(/used_memory_dataset:(\d+)/.exec(info)?.[1]);
}
