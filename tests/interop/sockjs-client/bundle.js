// Bundles a client that npm has only as sources for the browser: node bundle.js PACKAGE FILE
'use strict';
const [name, outfile] = process.argv.slice(2);
require('esbuild').buildSync({
  entryPoints: [require.resolve(name)],
  bundle: true,
  outfile,
  format: 'iife',
  globalName: 'SockJS',
  platform: 'browser',
  define: { global: 'window', 'process.env.NODE_ENV': '"production"' },
  logLevel: 'error',
});
