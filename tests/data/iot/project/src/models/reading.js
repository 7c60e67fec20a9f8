export const fields = ['deviceId', 'temperature', 'humidity', 'timestamp']
