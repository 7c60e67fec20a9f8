// Has the project's own ESLint read texts, under the names that they have in the project.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

async function main(request, answer) {
  const { folder, files } = JSON.parse(fs.readFileSync(request, "utf8"));
  process.chdir(folder);
  const eslint = createRequire(path.join(folder, "package.json"))("eslint");
  const ESLint = eslint.loadESLint ? await eslint.loadESLint() : eslint.ESLint;
  const linter = new ESLint({ cwd: folder });
  const told = [];
  for (const { number, name, text } of files) {
    try {
      if (await linter.isPathIgnored(name)) continue;
      const results = await linter.lintText(fs.readFileSync(text, "utf8"), { filePath: name });
      for (const { messages, suppressedMessages } of results) {
        told.push({ number, messages, suppressed: suppressedMessages || [] });
      }
    } catch (error) {
      told.push({ number, error: String((error && error.message) || error) });
    }
  }
  fs.writeFileSync(answer, JSON.stringify(told));
}

main(process.argv[2], process.argv[3]).catch((error) => {
  console.error(String((error && error.stack) || error));
  process.exitCode = 1;
});
