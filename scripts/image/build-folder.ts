/**
 * Runs each step of the Dockerfile as a plain command in an empty folder, and leaves what would be
 * `/app` of the image: for machines without Docker, and to try the very files that are shipped.
 * Usage: npm run image:folder -- FOLDER, which must not exist.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Instruction, readDockerfile } from './dockerfile.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** They say how the image is started, and make no files. */
const OF_THE_START = ['USER', 'STOPSIGNAL', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD', 'ARG'];

/** @throws Error that says which step failed. */
export function buildImageFolder(target: string): void {
  if (existsSync(target)) throw new Error(`${target} is there already`);
  const parent = dirname(resolve(target));
  mkdirSync(parent, { recursive: true });
  // Beside the target, so that the result is moved there and not copied.
  const stages = mkdtempSync(join(parent, 'atlas-batch-image-'));
  try {
    for (const { name = 'image', instructions } of readDockerfile(read('Dockerfile'))) {
      const stage = new StageFolder(stages, name);
      for (const instruction of instructions) stage.run(instruction);
    }
    renameSync(join(stages, 'image/app'), target);
  } finally {
    rmSync(stages, { recursive: true });
  }
}

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

class StageFolder {
  readonly #stages: string;
  readonly #root: string;
  #workingFolder = '/';
  #environment: Record<string, string> = {};

  constructor(stages: string, name: string) {
    this.#stages = stages;
    this.#root = join(stages, name);
    mkdirSync(this.#root);
  }

  run({ name, text }: Instruction): void {
    if (name === 'WORKDIR') this.#enter(text);
    else if (name === 'ENV') this.#setVariables(text);
    else if (name === 'COPY') this.#copy(text.split(' '));
    else if (name === 'RUN') this.#runCommand(text);
    else if (!OF_THE_START.includes(name)) throw new Error(`${name} is not known`);
  }

  #enter(folder: string): void {
    this.#workingFolder = folder;
    mkdirSync(this.#here(), { recursive: true });
  }

  #setVariables(text: string): void {
    for (const pair of text.split(' ')) {
      const [name = '', value = ''] = pair.split('=');
      this.#environment[name] = value;
    }
  }

  #copy(words: readonly string[]): void {
    const from = words[0]?.startsWith('--from=') ? words[0].slice('--from='.length) : undefined;
    const sources = words.slice(from === undefined ? 0 : 1, -1);
    const target = join(this.#here(), words.at(-1) ?? '');
    for (const source of sources) {
      const path = from === undefined ? this.#ofContext(source) : join(this.#stages, from, source);
      // A target that ends in a slash is a folder; a folder that is copied gets the target's name.
      const into = target.endsWith('/') ? join(target, basename(source)) : target;
      cpSync(path, into, { recursive: true, verbatimSymlinks: true });
    }
  }

  #ofContext(source: string): string {
    const letIn = read('.dockerignore').split('\n');
    if (!letIn.includes(`!${source.split('/')[0]}`))
      throw new Error(`.dockerignore hides ${source}`);
    return join(ROOT, source);
  }

  #runCommand(command: string): void {
    const { PATH, HOME } = process.env;
    const { status } = spawnSync('sh', ['-c', command], {
      cwd: this.#here(),
      env: { PATH, HOME, ...this.#environment },
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) throw new Error(`this step of the Dockerfile has failed: ${command}`);
  }

  #here(): string {
    return join(this.#root, this.#workingFolder);
  }
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  const [folder] = argv.slice(2);
  if (folder === undefined) {
    console.error('usage: npm run image:folder -- FOLDER');
    exit(2);
  }
  buildImageFolder(folder);
}
