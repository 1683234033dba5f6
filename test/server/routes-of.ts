/** `GET /path` of each route of Fastify's drawing, whose branches are indented by four characters. */
export function routesOf(drawing: string): string[] {
  const parents: string[] = [];
  const routes = drawing.split('\n').flatMap((line) => {
    const [, branch = '', part, methods = ''] = /^(.*?── )(\S+) \(([A-Z, ]+)\)/.exec(line) ?? [];
    if (part === undefined) return [];
    const depth = branch.length / 4 - 1;
    const path = (parents[depth - 1] ?? '') + part;
    parents[depth] = path;
    const method = methods.split(', ').find((one) => one !== 'HEAD');
    return [`${method} ${path.replace(/(.)\/$/, '$1')}`];
  });
  return [...new Set(routes)];
}
