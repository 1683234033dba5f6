/** Which licences may be shipped. */
import { label, type ShippedPackage } from './bill-of-materials.js';

/** They ask for no more than their text and a notice beside the program. */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
]);

/** A sentence for each package that has no allowed licence. Of "A OR B" one is enough, of "A AND B" both. */
export function licenceIssues(packages: readonly ShippedPackage[]): string[] {
  return packages
    .filter(({ licences }) => !licences.every(isAllowed))
    .map((one) => `${label(one)} has the licence ${one.licences.join(', ')}, which is not allowed`);
}

function isAllowed(expression: string): boolean {
  const choices = expression.replace(/^\((.*)\)$/, '$1').split(' OR ');
  return choices.some((choice) => choice.split(' AND ').every((one) => ALLOWED.has(one)));
}

/** Packages by licence, as a report for people. */
export function licenceReport(packages: readonly ShippedPackage[]): string {
  const nameOf = ({ licences }: ShippedPackage) => licences.join(', ');
  const groups = [...new Set(packages.map(nameOf))]
    .sort()
    .map((licence) => ({ licence, ones: packages.filter((one) => nameOf(one) === licence) }));
  return groups
    .map(
      ({ licence, ones }) =>
        `${licence} (${ones.length})\n${ones.map((one) => `  ${label(one)}\n`).join('')}`,
    )
    .join('\n');
}
