export const newDevice = (id) => ({
  id, alertThreshold: { temperature: 40, humidity: 90 },
})
