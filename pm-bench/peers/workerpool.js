// The npm package workerpool, with one worker that is a process.
'use strict';
const workerpool = require('workerpool');
const { alone, compute, flight, medianOf, paused, seconds, serve, sleep, timed, work } =
	require('./contestant.js');

const functions = {
	add: (a, b) => a + b,
	pid: () => process.pid,
	work: compute,
	echo: (bytes) => bytes,
	size: (bytes) => bytes.length,
	hang: () => { for (;;); },
};

function contestant() {
	const build = (forkOpts) => workerpool.pool(__filename, {
		minWorkers: 1, maxWorkers: 1, workerType: 'process', forkArgs: ['worker'], forkOpts,
	});
	let pool;
	let bytes;
	const small = () => (pool ??= build({}));
	const large = () => (bytes ??= build({ serialization: 'advanced' }));
	const add = () => small().exec('add', [1, 2]);
	const killed = async (untilAnswer) => {
		const pid = await small().exec('pid', []);
		const doomed = small().exec('hang', []);
		// It has no way to tell when a query has begun.
		await sleep(1e4);
		const start = seconds();
		process.kill(pid, 'SIGKILL');
		await doomed.catch(() => {});
		const heard = seconds() - start;
		await add();
		return untilAnswer ? seconds() - start : heard;
	};
	serve({
		alone: (_, time) => alone(time, add),
		paused: ({ micros }, time) => paused(micros, time, add),
		work: ({ micros }, time) => work(time, () => small().exec('work', [micros])),
		flight: ({ calls }, time) => flight(calls, time, add),
		echo: async ({ bytes }, time) => {
			const sent = Buffer.alloc(bytes, 1);
			return 2 * bytes / await alone(time, () => large().exec('echo', [sent]));
		},
		lend: async ({ bytes }, time) => {
			const lent = Buffer.alloc(bytes, 1);
			return bytes / await alone(time, () => large().exec('size', [lent]));
		},
		spawn: (_, time) => medianOf(time, async () => {
			let fresh;
			const taken = await timed(() => (fresh = build({})).exec('add', [1, 2]));
			await fresh.terminate(true);
			return taken;
		}),
		killed: (_, time) => medianOf(time, () => killed(false)),
		replaced: (_, time) => medianOf(time, () => killed(true)),
	});
}

if (process.argv[2] === 'worker') workerpool.worker(functions);
else contestant();
