-- Looks for the end of something that has none.
function on_line(line)
    local position = 1
    while position do
        position = line:find("", 1)
    end
end
