// What the Node contestants have in common: they are told what to do, a line of JSON at a time.
'use strict';
const fs = require('node:fs');
const readline = require('node:readline');
const { performance } = require('node:perf_hooks');

const seconds = () => performance.now() / 1e3;
const sleep = (micros) => new Promise((resolve) => setTimeout(resolve, micros / 1e3));

function median(values) {
	values.sort((a, b) => a - b);
	return values[Math.floor(values.length / 2)];
}

async function medianOf(time, measure) {
	const end = seconds() + time;
	const seen = [];
	do seen.push(await measure()); while (seconds() < end);
	return median(seen);
}

// Computes for so long; returns the seconds that it took.
function compute(micros) {
	const start = seconds();
	while (seconds() - start < micros / 1e6);
	return seconds() - start;
}

// So many calls at once, for so long: calls per second.
async function flight(calls, time, call) {
	const start = seconds();
	let done = 0;
	const one = async () => {
		while (seconds() - start < time) {
			await call();
			done++;
		}
	};
	await Promise.all(Array.from({ length: calls }, one));
	return done / (seconds() - start);
}

// What calls, one after the other, take in seconds.
async function alone(time, call) {
	return 1 / await flight(1, time, call);
}

async function timed(call) {
	const start = seconds();
	await call();
	return seconds() - start;
}

// What a call takes in seconds after a pause of so many microseconds.
function paused(micros, time, call) {
	return medianOf(time, async () => {
		await sleep(micros);
		return timed(call);
	});
}

// What a call that computes takes beside that; it returns the seconds that it computed.
function work(time, call) {
	return medianOf(time, async () => {
		const start = seconds();
		const computed = await call();
		return seconds() - start - computed;
	});
}

function residentShare(pid) {
	const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
	return 1024 * Number(/^Pss:\s+(\d+)/m.exec(rollup)[1]);
}

// `does` has a function for each workload, which returns what it measured.
async function serve(does) {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const order = JSON.parse(line);
		let report;
		try {
			const workload = does[order.do];
			if (!workload) throw new Error('it has no such thing, or it is not measured');
			report = { measured: await workload(order, order.millis / 1e3) };
		} catch (error) {
			report = { missing: error.message };
		}
		process.stdout.write(JSON.stringify(report) + '\n');
	}
	process.exit(0);
}

module.exports = {
	alone, compute, flight, medianOf, paused, residentShare, seconds, serve, sleep, timed, work,
};
