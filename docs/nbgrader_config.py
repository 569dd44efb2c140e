"""nbgrader's settings for a class: copy this file into the folder of the class (docs/class.md)."""

from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.converters import GenerateAssignment

from lenet_helpers.commands.exercise_notebooks import SETTINGS

c = get_config()  # noqa: F821 - nbgrader gives it
c.merge(SETTINGS)  # what is handed out is what make exercises makes
c.CourseDirectory.course_id = "lenet"
c.GenerateAssignment.preprocessors = [
    TagRemovePreprocessor,
    *GenerateAssignment().preprocessors,
]
