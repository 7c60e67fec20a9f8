import { check } from './alerts.js'
import { collection } from './database.js'

export const store = (reading) => {
  collection('readings').insertOne({ ...reading, timestamp: new Date() })
  return check(reading)
}
