"""One person at two devices."""

from conftest import Arrive
from database import Database, calls, participants
from media import meet
from people import Person
from server import Server


async def test_answered_on_another_device(
    database: Database, arrive: Arrive, server: Server, alice: Person, bob: Person
) -> None:
    bobs_phone = await arrive(server, "bob", registered=True)
    await alice.call("bob")
    await bob.sees("incoming")
    await bobs_phone.answer()
    await bob.sees_not("incoming")
    await bob.sees("toast", "Answered on another device")
    await meet(alice, bobs_phone)
    await bobs_phone.hang_up()
    await alice.sees_call_end("Bob hung up")
    assert [(call["status"], call["end_reason"]) for call in calls(database)] == [("completed", "hangup")]
    assert participants(database)["bob"]["leave_reason"] == "hangup"


async def test_declined_on_another_device(arrive: Arrive, server: Server, alice: Person, bob: Person) -> None:
    bobs_phone = await arrive(server, "bob", registered=True)
    await alice.call("bob")
    await bobs_phone.sees("incoming")
    await bob.decline()
    await bobs_phone.sees_not("incoming")
    await bobs_phone.sees("toast", "Declined on another device")
    await alice.sees_call_end("Bob declined")


async def test_a_device_that_comes_later_rings_too(arrive: Arrive, server: Server, alice: Person, bob: Person) -> None:
    await alice.call("bob")
    await bob.sees("incoming")
    bobs_phone = await arrive(server, "bob", registered=True)
    await bobs_phone.answer()
    await bob.sees_not("incoming")
    await meet(alice, bobs_phone)


async def test_a_call_moves_to_another_device(arrive: Arrive, server: Server, alice: Person, bob: Person) -> None:
    bobs_phone = await arrive(server, "bob", registered=True)
    await alice.call("bob")
    await bob.answer()
    await meet(alice, bob)
    await bobs_phone.click("call-move")
    await bob.sees_call_end("continues on your other device")
    await bobs_phone.is_in_call()
    await bobs_phone.click("call-camera")
    await meet(alice, bobs_phone)
