-- Keeps what it has read, and doubles it again and again.
local all = ""

function on_line(line)
    all = all .. line .. "\n"
    while true do
        all = all .. all
    end
end
