import { Router } from 'express'
import { newDevice } from '../models/device.js'

export const router = Router()

router.get('/devices', (req, res) => res.json([]))
router.post('/devices/:id/threshold', (req, res) => res.json(newDevice(req.params.id)))
