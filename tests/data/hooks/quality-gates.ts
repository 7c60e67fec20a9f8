// Which actions keep the quality of this project.
export const qualityGates = {
  onFileSave: [
    { trigger: 'app/**/*.ts', action: 'runLinter', config: { fixOnSave: true, strictMode: true } },
    {
      trigger: 'app/core/**/*.ts',
      action: 'regenerateTests',
      config: { coverageThreshold: 0.85, framework: 'vitest' },
    },
  ],
  onCommit: [
    { trigger: '*', action: 'securityScan', config: { tool: 'trivy', failOnCritical: true } },
    { trigger: 'app/**', action: 'syncSpecDesign', config: { diffThreshold: 0.15, autoUpdate: true } },
  ],
  onPRCreate: [
    { trigger: '*', action: 'generateDescription', config: { source: 'requirements.md', template: 'standard' } },
  ],
};
