/** The raw texts of all `file_data` in a page: cut at the frame that the stand-in puts around. */
export function rawExtracts(page: string): string[] {
  const data = page.slice('{"data":['.length, page.lastIndexOf('],"page":'));
  return data
    .split(/(?:^|,)\{"document_id":"[^"]*","file_data":/)
    .slice(1)
    .map((item) => item.slice(0, -1));
}
