// An application by node-smpp (tests/esmes/app.py says how it is spoken to): a long text goes in parts
// with a UDH. node-smpp binds as SMPP 5.0.
'use strict';

const readline = require('readline');
const smpp = require('smpp');

const [host, port, systemId, password] = process.argv.slice(2);
const CUT = 140;

function say(event, facts) {
  process.stdout.write(JSON.stringify({event, ...facts}) + '\n');
}

function pieces(order) {
  if (order.form !== 'long') {
    return [order.text];
  }
  const parts = [];
  for (let start = 0; start < order.text.length; start += CUT) {
    parts.push(order.text.slice(start, start + CUT));
  }
  return parts.map((message, index) => ({
    udh: Buffer.from([0x05, 0x00, 0x03, 0x2a, parts.length, index + 1]),
    message,
  }));
}

function submit(session, order) {
  const parts = pieces(order);
  const ids = [];
  for (const part of parts) {
    session.submit_sm({
      source_addr_ton: 5,
      source_addr: 'Acme',
      dest_addr_ton: 1,
      dest_addr_npi: 1,
      destination_addr: order.to,
      data_coding: order.form === 'ucs2' ? 8 : 0,
      esm_class: order.form === 'long' ? 0x40 : 0,
      registered_delivery: 1,
      short_message: part,
    }, (answer) => {
      ids.push(answer.message_id);
      if (ids.length === parts.length) {
        say('submitted', {form: order.form, ids});
      }
    });
  }
}

function delivered(session, pdu) {
  session.send(pdu.response());
  const text = pdu.message_payload ? pdu.message_payload.message : pdu.short_message.message;
  if (pdu.esm_class & 0x04) {
    say('receipt', {id: /id:(\S+)/.exec(text)[1], stat: /stat:(\S+)/.exec(text)[1]});
  } else {
    say('inbound', {from: pdu.source_addr, text});
  }
}

const session = smpp.connect({host, port: Number(port)}, () => {
  session.bind_transceiver({system_id: systemId, password}, (answer) => {
    if (answer.command_status !== 0) {
      throw new Error(`bind: ${answer.command_status}`);
    }
    say('bound');
    readline.createInterface({input: process.stdin}).on('line', (line) => {
      const order = JSON.parse(line);
      if (order.do === 'submit') {
        submit(session, order);
      } else {
        session.unbind(() => {
          say('unbound');
          session.close(() => process.exit(0));
        });
      }
    });
  });
});
session.on('deliver_sm', (pdu) => delivered(session, pdu));
session.on('error', (error) => { throw error; });
