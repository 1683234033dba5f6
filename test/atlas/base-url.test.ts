import { describe, expect, it } from 'vitest';
import { baseUrlIssue } from '../../src/atlas/base-url.js';

describe('baseUrlIssue', () => {
  it.each([
    'https://docstream.dev.kreditmind.com',
    'https://atlas.example.com:8443/gateway/',
    'http://127.0.0.1:8080',
    'http://127.8.9.10',
    'http://localhost:1',
    'http://[::1]:8080/atlas',
  ])('the base URL of Atlas may be %s', (url) => {
    expect(baseUrlIssue(url)).toBeUndefined();
  });

  it.each([
    'docstream',
    '',
    'http://docstream.dev.kreditmind.com',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://10.0.0.1',
    'ftp://127.0.0.1',
    'https://user:word@example.com',
    'https://example.com/?a=b',
    'https://example.com/#a',
  ])('the fault of the base URL %j is named', (url) => {
    expect(baseUrlIssue(url)).toMatch(/^must /);
  });
});
