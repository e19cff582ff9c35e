// Small services for the scenarios of balancing and streams. `test`, `users`, `payment` and `mail` tell everybody
// what they did by the events `$scenario.action.called` and `$scenario.event.emitted`; `$scenario` collects that.
"use strict";

const crypto = require("crypto");

const PASSWORD = Buffer.alloc(32, 7);
const VECTOR = Buffer.alloc(16);

function tell(broker, name, ctx, more) {
	const { params, meta } = ctx;
	const who = { nodeID: broker.nodeID, service: ctx.service.fullName };
	return ctx.broadcast(`$scenario.${name}`, { ...who, ...more, params, meta });
}

const hears = (name, event) => ({ broker }) => [
	{
		name,
		events: {
			[event](ctx) {
				return tell(broker, "event.emitted", ctx, { event: ctx.eventName });
			}
		}
	}
];

const echo = ({ broker }) => [
	{
		name: "echo",
		actions: {
			reply: ctx => ({
				params: ctx.params,
				meta: ctx.meta,
				response: { a: "Hey", b: 3333, c: true, d: { e: 122.34, f: [1, 2, 3], g: null } }
			})
		},
		events: hears("echo", "sample.event")({ broker })[0].events
	}
];

const aes = ({ old }) => {
	const input = ctx => (old ? ctx.params : ctx.stream);
	return [
		{
			name: "aes",
			actions: {
				encrypt: ctx => input(ctx).pipe(crypto.createCipheriv("aes-256-ctr", PASSWORD, VECTOR)),
				decrypt: ctx => input(ctx).pipe(crypto.createDecipheriv("aes-256-ctr", PASSWORD, VECTOR))
			}
		}
	];
};

const test = ({ broker }) => [
	{
		name: "test",
		actions: {
			async work(ctx) {
				await tell(broker, "action.called", ctx, { action: ctx.action.name });
				return true;
			},
			async hello(ctx) {
				const { i, delay = 0, crash = false } = ctx.params;
				if (crash && broker.nodeID.endsWith("node1")) return broker.stop();
				await new Promise(resolve => setTimeout(resolve, delay));
				await tell(broker, "action.called", ctx, { action: ctx.action.name });
				return { i, nodeID: broker.nodeID };
			}
		},
		events: hears("test", "sample.event")({ broker })[0].events
	}
];

const scenario = () => {
	const calls = [];
	const events = [];
	return [
		{
			name: "$scenario",
			actions: {
				clear() {
					calls.length = events.length = 0;
				},
				getCalledActions: () => calls,
				getEmittedEvents: () => events
			},
			events: {
				"$scenario.action.called": ctx => void calls.push(ctx.params),
				"$scenario.event.emitted": ctx => void events.push(ctx.params)
			}
		}
	];
};

/** Ends the node a second after the event `$shutdown`. */
const helper = () => [
	{
		name: "$helper",
		events: {
			$shutdown: ctx => void setTimeout(() => process.exit(ctx.params.error ? 2 : 0), 1000)
		}
	}
];

module.exports = {
	echo,
	aes,
	test,
	scenario,
	users: hears("users", "user.created"),
	payment: hears("payment", "user.created"),
	mail: hears("mail", "user.created"),
	helper
};
