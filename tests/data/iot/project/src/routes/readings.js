import { Router } from 'express'
import { collection } from '../services/database.js'

export const router = Router()

router.get('/readings/latest', (req, res) => collection('readings').find())
router.get('/readings/device/:id', (req, res) => collection('readings').find())
