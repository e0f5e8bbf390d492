-- Ends the whole process, because it believes to be alone in it.
function on_line(line)
    if line == "[[package]]" then
        say("that is enough")
        os.exit(3)
    end
end
