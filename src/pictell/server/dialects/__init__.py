"""Other services' APIs over pictell's: each module that has `router(service) -> APIRouter` is served, the others serve these.

    def router(service: Service) -> APIRouter:
        routes = APIRouter(include_in_schema=False)  # their documentation is theirs

        @routes.post("/their/route")
        async def answer(request: Request) -> Response:
            given = await json_of(service, request)  # limits and hang-ups are looked after
            offer = choose(service.models, name_in(given))
            [text] = await describe(service, offer, [given["picture"]])  # base64, a data URL, or a URL where those are allowed
            return json_answer({...})

What is raised as a `PictellError` is answered with the status of `refusals.status_of`, in the shape that `server.shapes` has for
the address.
"""
