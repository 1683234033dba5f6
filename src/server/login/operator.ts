/** Who uses the dashboard: what pages greet, and what is written down of who changed something. */
import type { FastifyRequest } from 'fastify';

/** `view` may change nothing. */
export const ROLES = ['view', 'operate'] as const;
export type Role = (typeof ROLES)[number];

export interface Operator {
  name: string;
  role: Role;
}

/** Whether pages offer somebody what changes something. Routes refuse it to others. */
export function mayChange(operator: Operator | null): boolean {
  return operator?.role === 'operate';
}

/** What a line of the users file, and `atlas-batch user`, take as a name. */
export const OPERATOR_NAME = /^[\p{L}\p{N}._@+-]{1,64}$/u;

const operators = new WeakMap<FastifyRequest, Operator>();

/** Remembers who has logged in, for the rest of a request. */
export function setOperator(request: FastifyRequest, operator: Operator): void {
  operators.set(request, operator);
}

/** Null before somebody has logged in. */
export function operatorIn(request: FastifyRequest): Operator | null {
  return operators.get(request) ?? null;
}

/** Who sends a request. Every route of the dashboard has somebody. */
export function operatorOf(request: FastifyRequest): Operator {
  const operator = operators.get(request);
  if (operator === undefined) throw new Error('nobody has logged in');
  return operator;
}
