-- Finds the word of four letters or more that comes most often.
local counts = {}
local most = "nothing"

function on_line(line)
    for word in line:gmatch("%a%a%a%a+") do
        counts[word] = (counts[word] or 0) + 1
        if counts[word] > (counts[most] or 0) then
            most = word
        end
    end
end

function on_end()
    return "the most frequent word is " .. most
end
