// The services a node can host, by the names used in SERVICES.
"use strict";

const conf = require("./services/conf");
const probe = require("./services/probe");
const demo = require("./services/demo");
const hot = require("./services/hot");

const groups = {
	conf: tools => [conf.service(tools), ...conf.versions()],
	probe: tools => [probe(tools)],
	...demo
};

module.exports = (name, tools) => {
	if (!groups[name]) throw new Error(`SERVICES: '${name}' is none of ${Object.keys(groups).join(", ")}`);
	return groups[name](tools);
};
module.exports.types = conf.types;
module.exports.hot = hot;
