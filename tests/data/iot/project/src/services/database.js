import { MongoClient } from 'mongodb'

const client = new MongoClient(process.env.MONGODB_URL)

export const collection = (name) => client.db('iot').collection(name)
