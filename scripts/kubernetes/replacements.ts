/** The replacements of Kustomize that `deploy/kubernetes` uses: a part of a text, taken from another object. */
import { z } from 'zod';
import type { Manifest } from './manifest.js';

export const replacementSchema = z.strictObject({
  source: z.strictObject({ kind: z.string(), fieldPath: z.string() }),
  targets: z.array(
    z.strictObject({
      select: z.strictObject({ kind: z.string() }),
      fieldPaths: z.array(z.string()),
      options: z.strictObject({ delimiter: z.string(), index: z.number() }),
    }),
  ),
});
type Replacement = z.infer<typeof replacementSchema>;

/** Changes the objects. @throws Error when a source is not one text, or a path leads to none. */
export function applyReplacement({ source, targets }: Replacement, manifests: Manifest[]): void {
  const [found, ...others] = ofKind(manifests, source.kind).flatMap((manifest) =>
    textsAt(manifest, source.fieldPath),
  );
  if (found === undefined || others.length > 0) throw new Error(`not one ${source.fieldPath}`);
  for (const { select, fieldPaths, options } of targets) {
    for (const path of fieldPaths) {
      const texts = ofKind(manifests, select.kind).flatMap((manifest) => textsAt(manifest, path));
      if (texts.length === 0) throw new Error(`no text at ${path}`);
      for (const { parent, key, text } of texts) {
        const parts = text.split(options.delimiter);
        parts[options.index] = found.text;
        Reflect.set(parent, key, parts.join(options.delimiter));
      }
    }
  }
}

const ofKind = (manifests: Manifest[], wanted: string) =>
  manifests.filter(({ kind }) => kind === wanted);

interface TextAt {
  parent: object;
  key: string;
  text: string;
}

/** The texts at a path, whose parts are names, or `*` for each item of a list. */
function textsAt(manifest: object, path: string): TextAt[] {
  const names = path.split('.');
  const key = names.pop() ?? '';
  const parents = names.reduce<unknown[]>(
    (objects, name) =>
      objects.flatMap((object) => (name === '*' ? object : Reflect.get(Object(object), name))),
    [manifest],
  );
  return parents.flatMap((parent) => {
    const text: unknown = Reflect.get(Object(parent), key);
    return typeof text === 'string' ? [{ parent: Object(parent), key, text }] : [];
  });
}
