export const check = (reading, threshold = { temperature: 40 }) =>
  reading.temperature > threshold.temperature ? ['TEMPERATURE_THRESHOLD'] : []
