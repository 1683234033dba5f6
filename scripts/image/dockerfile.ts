/** Reads a Dockerfile: its stages with their instructions, in order. */
export interface Instruction {
  name: string;
  /** What follows the name, continued lines joined. */
  text: string;
}

export interface Stage {
  /** Undefined for the last one, which is the image. */
  name: string | undefined;
  instructions: Instruction[];
}

export function readDockerfile(text: string): Stage[] {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push({ name: / AS (\S+)$/.exec(rest)?.[1], instructions: [] });
    else stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}
