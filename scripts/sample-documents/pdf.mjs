/** Writes plain PDF 1.4 files of text and lines in the fonts that every reader has. */

/** A4 in points. */
export const PAGE = { width: 595, height: 842 };

/** What can be drawn, as content stream operators; the origin is the lower left corner. */
export const draw = {
  /** @param {number} x @param {number} y @param {number} size @param {string} text @param {'F1' | 'F2' | 'F3'} font */
  text: (x, y, size, text, font = 'F1') =>
    `BT /${font} ${size} Tf ${x} ${y} Td (${text.replace(/[\\()]/g, '\\$&')}) Tj ET`,
  /** @param {number} x @param {number} y @param {number} width @param {number} height @param {string} rgb */
  box: (x, y, width, height, rgb) => `q ${rgb} rg ${x} ${y} ${width} ${height} re f Q`,
  /** @param {number} size @param {string} text grey, across the page */
  watermark: (size, text) =>
    `q 0.90 0.82 0.82 rg BT /F2 ${size} Tf 0.707 0.707 -0.707 0.707 120 190 Tm (${text}) Tj ET Q`,
};

/**
 * @param {readonly (readonly string[])[]} pages operators of each page
 * @param {string} title
 */
export function encodePdf(pages, title) {
  const firstPage = 7;
  const pageIds = pages.map((_, i) => firstPage + 2 * i);
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pageIds.map((id) => `${id} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>',
    `<< /Title (${title}) >>`,
    ...pages.flatMap((operators, i) => {
      const content = operators.join('\n');
      const page = `/Type /Page /Parent 2 0 R /MediaBox [0 0 ${PAGE.width} ${PAGE.height}]`;
      const fonts = '/Resources << /Font << /F1 3 0 R /F2 4 0 R /F3 5 0 R >> >>';
      return [
        `<< ${page} ${fonts} /Contents ${firstPage + 2 * i + 1} 0 R >>`,
        `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      ];
    }),
  ];
  let body = '%PDF-1.4\n';
  const offsets = objects.map((object, i) => {
    const offset = body.length;
    body += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R /Info 6 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
  return Buffer.from(`${body}xref\n0 ${size}\n0000000000 65535 f \n${table}${trailer}`, 'latin1');
}
