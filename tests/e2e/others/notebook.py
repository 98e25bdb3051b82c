# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
"""The SDK in a notebook, whose cells run in an event loop that is running: the cells below in a real kernel."""

import os
from typing import Any

import nbclient
import nbformat

CELLS = (
    """
import asyncio
import genaiops
client = genaiops.openai_client()
aclient = genaiops.async_openai_client()
question = [{"role": "user", "content": "How is Oslo?"}]
""",
    """
@genaiops.trace("assistant", kind="agent")
def assistant():
    answer = client.chat.completions.create(model="echo", messages=question)
    genaiops.score("good", True)
    return answer.choices[0].message.content
assistant()
""",
    """
@genaiops.trace("assistant", kind="agent")
async def stream():
    pieces = await aclient.chat.completions.create(model="echo", messages=question, stream=True)
    return "".join([piece.choices[0].delta.content or "" async for piece in pieces if piece.choices])
await asyncio.gather(stream(), stream())
""",
    """
fallback = {"messages": [{"role": "user", "content": "How is {{city}}?"}], "variables": {"city": "string"}}
prompt = genaiops.prompt("gone/p@prod", fallback=fallback)
async with genaiops.trace("request", kind="workflow") as span:
    messages = prompt.render(city="Oslo")
(prompt.source, messages[0]["content"])
""",
    """
async with genaiops.AsyncClient() as api:
    name = (await api.get("/api/me"))["actor"]["name"]
(name, genaiops.current_span(), genaiops.flush(30), genaiops.counts().dropped)
""",
)
SAID = ("", "'Oslo is sunny.'", "['Oslo is sunny.', 'Oslo is sunny.']", "('fallback', 'How is Oslo?')")


def test_cells() -> None:
    assert os.environ["GENAIOPS_URL"]
    book: Any = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS]
    nbclient.NotebookClient(book, timeout=120).execute()
    said = [
        [each.data["text/plain"] for each in cell.outputs if each.output_type == "execute_result"]
        for cell in book.cells
    ]
    assert ["".join(each) for each in said] == [*SAID, "('admin', None, True, 0)"]
