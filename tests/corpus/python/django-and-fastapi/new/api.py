import httpx
from fastapi import FastAPI, Query

app = FastAPI()


@app.get("/preview")
async def preview(address: str = Query()):
    async with httpx.AsyncClient(timeout=5) as client:
        return (await client.get(address)).text


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "up"}
