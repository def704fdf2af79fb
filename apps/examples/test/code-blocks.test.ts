import { expect, test } from '@jest/globals';
import { codeBlocks } from '../src/code-blocks.ts';

const page = `
# Title
\`\`\`ts
console.log(1 + 1); // 2
\`\`\`
\`\`\`sh
npm install
\`\`\`
<!-- no-run -->
\`\`\`ts
unfinished(
\`\`\`
\`\`\`\`ts
const fence = \`
\`\`\`ts
\`;
\`\`\`\`
`;

test('finds the TypeScript blocks that are to be run, with what they promise to print', () => {
  expect(codeBlocks(page)).toEqual([
    { line: 3, code: 'console.log(1 + 1); // 2', prints: ['2'] },
    { line: 13, code: 'const fence = `\n```ts\n`;', prints: [] },
  ]);
});

test('a block without an end is an error', () => {
  expect(() => codeBlocks('```ts\nx')).toThrow(/line 1 has no end/);
});
