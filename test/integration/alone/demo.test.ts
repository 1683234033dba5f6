/** What the demo shows at its end. Beside much else its documents would come after its deadline, which is one of seconds. */
import { expect, test } from 'vitest';
import { codeBlocks } from '../../helpers/code-blocks.js';
import { DEMO, startDemo } from '../../helpers/start-demo.js';

test('piped, the demo ends by itself, and shows what the README says', async () => {
  const { ended, output } = startDemo('bash', ['-c', `exec ${DEMO}`]);
  expect(await ended).toEqual([0, null]);
  expect(output()).not.toContain('\x1b');
  const [block] = codeBlocks('README.md').filter(({ code }) => code.startsWith('How they ended'));
  const [title = '', head = '', ...rows] = block?.code.trimEnd().split('\n') ?? [];
  // The widths of columns follow the times below them: 9.8 s, 10.0 s, 12 s.
  const squeezed = (text: string) => text.replace(/ +/g, ' ');
  expect(squeezed(output())).toContain(squeezed(`\n${title}\n${head}\n`));
  expect(rows.length).toBe(6);
  for (const row of rows) {
    // Times differ, and on a slow machine a document may be sent twice.
    const [, sure = ''] = /^( *\S+ +\S+(?: [A-Z_]+)? +\d+\/\d+) /.exec(row) ?? [];
    expect(squeezed(output())).toContain(squeezed(sure));
  }
  expect(output()).toContain('npm run demo -- --open');
  expect(output()).not.toContain('password');
});
