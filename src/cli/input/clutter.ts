/** What file managers and storage tools leave among documents, and nobody wants to send. Pure. */

/** In small letters: some of these systems do not tell capitals. */
const FILES: ReadonlySet<string> = new Set([
  '.ds_store',
  '.localized',
  'icon\r',
  'thumbs.db',
  'ehthumbs.db',
  'desktop.ini',
  '.directory',
]);
const FOLDERS: ReadonlySet<string> = new Set([
  '__macosx',
  '.spotlight-v100',
  '.fseventsd',
  '.trashes',
  '$recycle.bin',
  'system volume information',
  '@eadir',
]);
/** Resource forks of macOS, locks of office programs, folders of Hadoop. */
const NAMES = /^\._|^~\$|^\.~lock\..*#$|_\$folder\$$/;

export interface StoredFile {
  key: string;
  size: number;
}

/** Why something is no document, for people; undefined when it is one. */
export function whyClutter({ key, size }: StoredFile): string | undefined {
  // Consoles create keys that end with a slash as folders.
  if (key.endsWith('/')) return 'a folder';
  const parts = key.toLowerCase().split('/');
  const name = parts.pop() ?? '';
  if (FILES.has(name) || NAMES.test(name) || parts.some((part) => FOLDERS.has(part))) {
    return 'a file of the system';
  }
  return size === 0 ? 'empty' : undefined;
}
