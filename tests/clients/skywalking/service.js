// A service of two endpoints, one of which calls the other; says on which port it listens.

// The agent changes what is loaded after it.
require('skywalking-backend-js').default.start({
  serviceName: process.env.SW_AGENT_NAME,
  serviceInstance: process.env.SW_AGENT_INSTANCE_NAME,
});

const http = require('http');
const express = require('express');

const app = express();
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});

app.get('/front', (request, response) => {
  // The agent does not see `http.get` nor `fetch`.
  const back = http.request(`http://127.0.0.1:${server.address().port}/back`, (answer) => {
    let text = '';
    answer.on('data', (chunk) => { text += chunk; });
    answer.on('end', () => response.send(`front, ${text}`));
  });
  back.end();
});

app.get('/back', (request, response) => response.send('back'));

app.get('/fail', () => {
  throw new Error('told to fail');
});
