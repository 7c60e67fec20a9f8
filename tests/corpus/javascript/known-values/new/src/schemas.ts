import { z } from "zod";
export const Imported = z.object({ name: z.string().min(1) });
