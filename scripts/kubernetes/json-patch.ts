/** The steps of RFC 6902 that `deploy/kubernetes` uses. */
import { z } from 'zod';

export const patchSchema = z.array(
  z.discriminatedUnion('op', [
    z.strictObject({ op: z.literal('add'), path: z.string(), value: z.unknown() }),
    z.strictObject({ op: z.literal('replace'), path: z.string(), value: z.unknown() }),
    z.strictObject({ op: z.literal('remove'), path: z.string() }),
  ]),
);

/** Changes the object. @throws Error when a path leads nowhere. */
export function applyPatch(target: object, operations: z.infer<typeof patchSchema>): void {
  for (const operation of operations) {
    const parts = operation.path.split('/').slice(1).map(unescaped);
    const last = parts.pop() ?? '';
    const parent = parts.reduce(childOf, target);
    if (operation.op === 'add' && Array.isArray(parent)) {
      parent.splice(
        last === '-' ? parent.length : Number(last),
        0,
        structuredClone(operation.value),
      );
      continue;
    }
    if (operation.op !== 'add' && !Object.hasOwn(parent, last)) throw nowhere(operation.path);
    if (operation.op === 'remove') Reflect.deleteProperty(parent, last);
    else Reflect.set(parent, last, structuredClone(operation.value));
  }
}

function childOf(parent: object, name: string): object {
  const child: unknown = Reflect.get(parent, name);
  if (typeof child !== 'object' || child === null) throw nowhere(name);
  return child;
}

function nowhere(path: string): Error {
  return new Error(`the path ${path} of a patch leads nowhere`);
}

const unescaped = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~');
