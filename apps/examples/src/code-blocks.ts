/** A TypeScript block of a Markdown page that is to be run. */
export interface CodeBlock {
  /** The line of its fence, from 1. */
  readonly line: number;
  readonly code: string;
  /** What it prints, line by line: the comments behind its calls of `console.log`. */
  readonly prints: readonly string[];
}

/** The `ts` blocks of a Markdown page, but for those that `<!-- no-run -->` on the line before the fence takes out. */
export function codeBlocks(markdown: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = markdown.split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const fence = /^(```+)(\w*)/.exec(lines[i] ?? '');
    if (fence === null) continue;
    const end = lines.findIndex((line, at) => at > i && line.startsWith(fence[1] ?? '```'));
    if (end < 0) throw new Error(`The block at line ${i + 1} has no end.`);
    if (fence[2] === 'ts' && lines[i - 1]?.trim() !== '<!-- no-run -->') {
      const code = lines.slice(i + 1, end).join('\n');
      blocks.push({
        line: i + 1,
        code,
        prints: Array.from(code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm), ([, text = '']) => text),
      });
    }
    i = end;
  }
  return blocks;
}
