import { describe, expect, test } from 'vitest';
import { errorOf, openStore } from './open-store.js';
import { startScriptedS3 } from './scripted-s3.js';

describe('an error document', () => {
  const code = '<Error><Code>InvalidAccessKeyId</Code>';

  test('an error document of S3 that does not end is read as far as its code', async () => {
    const s3 = await startScriptedS3();
    s3.fault = (request, response) => {
      request.resume();
      response.writeHead(403).write(code);
      const pour = () => {
        while (response.write(' '.repeat(8192)));
        response.once('drain', pour);
      };
      pour();
      return true;
    };
    const error = await errorOf(openStore(s3).putResult('a.json', ['{}']));
    expect(error.message).toContain('S3 answered 403');
    expect(error.message).toContain('check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  });

  test('an error document of S3 that is cut still has its status', async () => {
    const s3 = await startScriptedS3();
    s3.fault = (request, response) => {
      request.resume();
      response.writeHead(403, { 'content-length': '1000' });
      response.write(code, () => request.socket.destroy());
      return true;
    };
    const error = await errorOf(openStore(s3).putResult('a.json', ['{}']));
    expect(error.message).toContain('S3 answered 403');
    expect(s3.requests).toHaveLength(1);
  });
});
