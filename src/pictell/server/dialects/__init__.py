"""Other services' APIs over pictell's: one module each, with `router(service) -> APIRouter`; all that are here are served.

    def router(service: Service) -> APIRouter:
        routes = APIRouter(tags=["..."])

        @routes.post("/their/route")
        async def answer(request: Request) -> Response:
            body = await service.body(request)  # limits and hang-ups are looked after
            picture = await service.picture(text)  # base64, a data URL, or a URL where those are allowed
            caption = await service.caption(picture, CaptionOptions(...), model=name)
            return json_answer({...})

What is raised as a `PictellError` is answered in pictell's shape with the status of `refusals.status_of`; a dialect that
answers in its own catches it.
"""
