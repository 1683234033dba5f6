import { readFileSync } from 'node:fs';

export interface CodeBlock {
  page: string;
  /** As the fence names it; empty when it does not. */
  language: string;
  code: string;
}

/** The fenced blocks of a page, in order; those within a list without their indentation. */
export function codeBlocks(page: string): CodeBlock[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  const fences = text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm);
  return [...fences].map(([, indent = '', language = '', code = '']) => ({
    page,
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}
