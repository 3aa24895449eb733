"""LoginRadius' real SDK, one call a line. Run by the python of an environment that has it; see `sdk.py`.

The first line of input sets class attributes of `LoginRadius`; every further one is a call: `Api` is an attribute
of the client (`web_hook`, `custom_object`, ...), `Call` a method of that, `Arguments` its arguments. A line of
output says what it returned or raised.
"""

import json
import sys

from LoginRadius import LoginRadius


def answered(sdk, call):
    try:
        return {"Returned": getattr(getattr(sdk, call["Api"]), call["Call"])(*call["Arguments"])}
    except Exception as error:
        return {"Raised": str(error)}


def main():
    for name, value in json.loads(sys.stdin.readline()).items():
        setattr(LoginRadius, name, value)
    sdk = LoginRadius()
    print(json.dumps({"Library": sdk.settings.library}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answered(sdk, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
