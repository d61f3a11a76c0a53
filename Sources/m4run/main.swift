print("m4run")
