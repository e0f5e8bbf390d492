// A bare child_process.fork: a message each way for a query.
'use strict';
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { alone, compute, flight, medianOf, paused, residentShare, seconds, serve, timed, work } =
	require('./contestant.js');

class Worker {
	constructor(serialization) {
		this.child = fork(__filename, ['worker'], { serialization });
		this.waiting = [];
		this.child.on('message', (answer) => this.waiting.shift().resolve(answer));
		this.child.on('exit', () => this.waiting.forEach(({ reject }) => reject(new Error('it died'))));
	}

	ask(question) {
		return new Promise((resolve, reject) => {
			this.waiting.push({ resolve, reject });
			this.child.send(question);
		});
	}

	async end() {
		this.child.kill('SIGKILL');
		await once(this.child, 'exit');
	}
}

function answer(question) {
	if (question.hang) return;
	if (question.work) return process.send(compute(question.work));
	if (question.bytes) return process.send(question.bytes);
	if (question.lent) return process.send(question.lent.length);
	process.send(question.a + question.b);
}

function contestant() {
	let worker;
	let bytes;
	const add = () => (worker ??= new Worker('json')).ask({ a: 1, b: 2 });
	const byteWorker = () => (bytes ??= new Worker('advanced'));
	const killed = async (untilAnswer) => {
		await add();
		const doomed = worker.ask({ hang: true });
		const died = worker;
		const start = seconds();
		died.child.kill('SIGKILL');
		await doomed.catch(() => {});
		const heard = seconds() - start;
		worker = undefined;
		await add();
		return untilAnswer ? seconds() - start : heard;
	};
	serve({
		alone: (_, time) => alone(time, add),
		paused: ({ micros }, time) => paused(micros, time, add),
		work: ({ micros }, time) =>
			work(time, () => (worker ??= new Worker('json')).ask({ work: micros })),
		flight: ({ calls }, time) => flight(calls, time, add),
		echo: async ({ bytes }, time) => {
			const sent = Buffer.alloc(bytes, 1);
			return 2 * bytes / await alone(time, () => byteWorker().ask({ bytes: sent }));
		},
		lend: async ({ bytes }, time) => {
			const lent = Buffer.alloc(bytes, 1);
			return bytes / await alone(time, () => byteWorker().ask({ lent }));
		},
		spawn: (_, time) => medianOf(time, async () => {
			let fresh;
			const taken = await timed(() => (fresh = new Worker('json')).ask({ a: 1, b: 2 }));
			await fresh.end();
			return taken;
		}),
		killed: (_, time) => medianOf(time, () => killed(false)),
		replaced: (_, time) => medianOf(time, () => killed(true)),
		idle: async () => {
			await add();
			return residentShare(worker.child.pid);
		},
	});
}

if (process.argv[2] === 'worker') process.on('message', answer);
else contestant();
