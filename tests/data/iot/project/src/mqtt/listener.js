import { store } from '../services/readings.js'

export const onMessage = (topic, message) => {
  const { temperature, humidity } = JSON.parse(message)
  if (temperature === undefined || humidity === undefined) return null
  return store({ deviceId: topic.split('/')[1], temperature, humidity })
}
