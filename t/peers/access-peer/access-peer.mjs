#!/usr/bin/env node

// The client, the issuer and the identity provider of the tests: see
// t/peers/README.md. The command line names one command, `batch` reads many.

import { webcrypto } from 'node:crypto';
import { createInterface } from 'node:readline';

// The libraries expect it to be global, as it is from Node 20 on.
globalThis.crypto ??= webcrypto;

// What each command knows how to do stands beside its library, which is loaded
// when it is first needed.
const places = {
    'issuer-key': './tokens.mjs',
    'tokens': './tokens.mjs',
    'verify': './tokens.mjs',
    'challenge': './tokens.mjs',
    'respond': './tokens.mjs',
    'request': './tokens.mjs',
    'finish': './tokens.mjs',
    'jwks': './jwt.mjs',
    'jwt': './jwt.mjs',
    'jwt-verify': './jwt.mjs',
};


async function carryOut(command, options) {
    if (!Object.hasOwn(places, command)) {
        throw new Error(`no such command: ${command}`);
    }

    const { commands } = await import(places[command]);
    return commands[command](options);
}


// --name VALUE, or --name alone for true.

function optionsOf(args) {
    const options = {};

    for (let i = 0; i < args.length; i++) {
        if (!args[i].startsWith('--')) {
            throw new Error(`an option begins with two dashes: ${args[i]}`);
        }

        const name = args[i].slice(2);
        const alone = i + 1 === args.length || args[i + 1].startsWith('--');
        options[name] = alone ? true : args[++i];
    }

    return options;
}


function print(answer) {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}


// Each line is an object: the command and its options, by the same names. Each
// gets one line, in order.

async function batch() {
    for await (const line of createInterface({ input: process.stdin })) {
        try {
            const { command, ...options } = JSON.parse(line);
            print({ ok: true, ...await carryOut(command, options) });

        } catch (error) {
            print({ ok: false, error: String(error?.message ?? error) });
        }
    }
}


const [command, ...args] = process.argv.slice(2);

if (command === undefined || command === '--help') {
    console.error(`usage: access-peer batch|${Object.keys(places).join('|')} `
        + '[--OPTION VALUE]...');
    process.exitCode = 2;

} else if (command === 'batch') {
    await batch();

} else {
    try {
        print(await carryOut(command, optionsOf(args)));

    } catch (error) {
        console.error(`access-peer: ${error?.message ?? error}`);
        process.exitCode = 1;
    }
}
