export const workspaceHooks = {
onFileSave: [
{
trigger: 'src/**/*.ts',
action: 'runLinter',
config: { fixOnSave: true, strictMode: true }
},
{
trigger: 'src/services/**/*.ts',
action: 'regenerateTests',
config: { coverageThreshold: 0.85, framework: 'vitest' }
}
],
onCommit: [
{
trigger: '*',
action: 'securityScan',
config: { tool: 'trivy', failOnCritical: true }
},
{
trigger: 'src/**',
action: 'syncSpecDesign',
config: { diffThreshold: 0.15, autoUpdate: true }
}
],
onPRCreate: [
{
trigger: '*',
action: 'generateDescription',
config: { source: 'requirements.md', template: 'standard' }
}
]
};
